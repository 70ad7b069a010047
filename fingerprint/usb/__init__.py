"""What a USB tree says: descriptors, what a device is, slots and serials; pure."""
