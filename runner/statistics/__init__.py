"""How sure a figure is: confidence intervals, paired differences between models, what each input is worth."""
