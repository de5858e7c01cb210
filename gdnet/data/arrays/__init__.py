"""Arrays in .npy and .npz files, read into memory or row by row from the disk."""
