"""Everything that touches the world: files, sockets, SQL, the terminal."""
