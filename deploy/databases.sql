-- The prediction log lies beside MLflow's own database.
CREATE DATABASE predictions;
