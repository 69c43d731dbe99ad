"""What commands have in common, wherever they are defined: options made of settings, results, notes."""
