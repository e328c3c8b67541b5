"""What ``streamlit run`` runs."""

from blemish.dashboard.frame import show

if __name__ == "__main__":
    show()
