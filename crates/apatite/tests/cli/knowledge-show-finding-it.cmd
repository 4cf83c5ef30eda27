hide digits
apatite knowledge show sedimentation_sign --lang it
