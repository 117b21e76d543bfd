"""The web server around the pages: routes, exports and lifespan."""
