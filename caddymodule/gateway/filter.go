package gateway

import "strings"

// wanted reports whether an event of this type passes the operator's filters.
func (rt *Route) wanted(eventType string) bool {
	if len(rt.cfg.Accept) > 0 && !matchAny(rt.cfg.Accept, eventType) {
		return false
	}
	return !matchAny(rt.cfg.Drop, eventType)
}

func matchAny(globs []string, s string) bool {
	for _, g := range globs {
		if match(g, s) {
			return true
		}
	}
	return false
}

// match reports whether s fits the glob, in which "*" is any run of characters.
// Its time is linear in the product of the lengths at worst, because only the
// last star is ever tried again.
func match(glob, s string) bool {
	star, mark := -1, 0
	g, i := 0, 0
	for i < len(s) {
		switch {
		case g < len(glob) && glob[g] == '*':
			star, mark = g, i
			g++
		case g < len(glob) && glob[g] == s[i]:
			g++
			i++
		case star >= 0:
			mark++
			g, i = star+1, mark
		default:
			return false
		}
	}
	return strings.Trim(glob[g:], "*") == ""
}
