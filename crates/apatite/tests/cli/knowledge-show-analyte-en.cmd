hide digits
apatite knowledge show phosphate
