"""The web server around the pages: routes, lifespan and what runs beside them."""
