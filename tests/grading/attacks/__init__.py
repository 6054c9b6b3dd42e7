"""Attacks on the grader, each with the mark it deserves, and honest submissions that must lose nothing.

`python -m tests.grading.attacks` prints what each of them earns from the stock autograder and from the course's grader.
"""
