hide digits
apatite knowledge check
