"""What the specs of tables have in common."""
