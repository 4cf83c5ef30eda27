# Which of the two studies cannot be read is said.
apatite follow CASES/nowhere CASES/nowhere-else
