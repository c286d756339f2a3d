"""Fields that the specs of encoders have. They import nothing heavy."""
