"""Where questions come from, how one is put, how an answer is read and graded."""
