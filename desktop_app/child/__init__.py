"""What runs in any Python from 3.8 on: frames, captured prints, the loop that serves jobs, and a callback's world.

Standard library only. These files are loaded in two ways: by our own interpreter as `desktop_app.child`, and by a
user's interpreter as `plugdeck_child` (see `boot.py`), because `desktop_app` may be the name of something the user's
script imports. So the modules here import each other relatively, and nothing else of ours.
"""
