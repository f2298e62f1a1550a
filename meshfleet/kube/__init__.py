"""The one HTTP client of this project, for API servers and for what runs beside them."""
