"""What ``streamlit run`` runs."""

from blemish.dashboard.page_frame import show

if __name__ == "__main__":
    show()
