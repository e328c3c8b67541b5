"""What ``make bench`` runs, and the servers and networks that it compares with."""
