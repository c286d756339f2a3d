"""Models of pictures and language: pictures and turns as tokens, the loss, answers, and what is measured of them."""
