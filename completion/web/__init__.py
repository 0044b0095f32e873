"""The page that completes photographs in a browser: the command complete-web (extra `web`)."""
