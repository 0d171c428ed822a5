package login

// Remembered is how many names, addresses and keys a service remembers.
func Remembered(s *Service) int {
	return len(s.lockout.names.places) + len(s.byIP.names.places) + len(s.byUser.names.places) + len(s.nonces.keys.places)
}
