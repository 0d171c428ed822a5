package router

// Matches reports whether the pattern covers the path.
func Matches(pattern, path string) bool {
	p := compile([]byte(pattern))
	return p.matches([]byte(path))
}

// Meets reports whether there is a path that both patterns cover.
func Meets(a, b string) bool {
	p, q := compile([]byte(a)), compile([]byte(b))
	return p.meets(&q)
}

// Asked returns the names of the stores that a query by pattern is asked of.
func (s *Store) Asked(pattern string) []string {
	var names []string
	for _, m := range s.routes.owners([]byte(pattern)) {
		names = append(names, m.name)
	}
	return names
}
