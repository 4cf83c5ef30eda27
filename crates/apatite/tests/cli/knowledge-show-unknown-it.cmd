apatite knowledge show xyz --lang it
