"""The app's tables: rows that show what is kept, and what the app does to them."""
