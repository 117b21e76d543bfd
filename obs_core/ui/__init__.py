"""The parts that pages are built of. Only this package, `serve` and the pages import Streamlit."""
