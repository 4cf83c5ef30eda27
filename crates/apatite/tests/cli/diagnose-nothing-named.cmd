apatite diagnose
