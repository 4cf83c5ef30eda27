apatite evaluate CASES/no-answer
