"""What pages are built of. Only this room, serve and the pages know Streamlit."""
