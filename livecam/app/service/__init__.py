"""livecam as a service of the desktop: started at login, looked after, started again when it fails."""
