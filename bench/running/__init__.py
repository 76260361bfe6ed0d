"""From a suite to records: folds, jobs, their execution in processes of their own, and tuning."""
