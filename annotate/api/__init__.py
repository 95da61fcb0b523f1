"""The site for programs: routes under /api/v1, opened by tokens; what they take and give is said in `shapes`."""
