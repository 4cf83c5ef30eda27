apatite knowledge fit CASES/no-answer
