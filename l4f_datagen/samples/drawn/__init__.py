"""Images that one file of another program names, with the regions that it draws on them."""
