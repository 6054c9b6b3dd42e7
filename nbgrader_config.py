"""nbgrader's configuration: read by `course build`, by stock nbgrader and by the Validate button."""

c = get_config()  # noqa: F821  (whoever loads this file supplies it)

c.CourseDirectory.course_id = "deep-learning"
c.CourseDirectory.source_directory = "solutions"
c.CourseDirectory.release_directory = "labs"
# The text source lies beside the notebook and holds every answer; without "*.py" it would be copied into the release.
c.CourseDirectory.ignore = [".ipynb_checkpoints", "*.pyc", "__pycache__", "feedback", "*.py"]

c.ClearSolutions.code_stub = {
    "python": "raise checks.Unanswered("
    '"Replace this line with your answer, run this cell, then run the check below it.")'
}
c.ClearSolutions.text_stub = "*Write your answer here.*"
