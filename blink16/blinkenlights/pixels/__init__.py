"""The guest's graphics as real dots: in terminals that can show them, and in browsers."""
