"""What needs no training at all: masks that a method has to beat. None of them sees the truth."""
