"""Plain Python that every room shares: profiles, jobs, answers, errors and events. Knows no Qt, no network, no disk."""
