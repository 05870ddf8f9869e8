"""The straight line of a job: queue, fetch, run, answer, deliver; and the supervisor that keeps profiles running."""
