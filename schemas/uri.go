package schemas

import (
	"net/netip"
	"strings"
	"unicode/utf8"
)

// The library reads URIs with net/url, which takes more than is allowed in one and
// allocates; payloads have many. These follow RFC 3986, and RFC 3987 for IRIs as
// far as that permits any character beyond ASCII.

func isURI(v any) bool {
	return isText(v, func(s string) bool { return validURI(s, true, false) })
}

func isIRI(v any) bool {
	return isText(v, func(s string) bool { return validURI(s, true, true) })
}

func isURIReference(v any) bool {
	return isText(v, func(s string) bool { return validURI(s, false, false) })
}

func isIRIReference(v any) bool {
	return isText(v, func(s string) bool { return validURI(s, false, true) })
}

// isText applies a check to strings; formats are about nothing else.
func isText(v any, valid func(string) bool) bool {
	s, ok := v.(string)
	return !ok || valid(s)
}

// validURI checks a URI or, if it need not be absolute, a reference.
func validURI(s string, absolute, iri bool) bool {
	if iri && !utf8.ValidString(s) {
		return false
	}
	s, fragment, _ := strings.Cut(s, "#")
	s, query, _ := strings.Cut(s, "?")
	if !uriCharacters(fragment, "/?:@", iri) || !uriCharacters(query, "/?:@", iri) {
		return false
	}
	if colon := strings.IndexAny(s, ":/"); colon >= 0 && s[colon] == ':' {
		if !isScheme(s[:colon]) {
			return false // nor may the first segment of a relative path have a colon
		}
		s = s[colon+1:]
	} else if absolute {
		return false
	}
	rest, ok := strings.CutPrefix(s, "//")
	if !ok {
		return uriCharacters(s, "/:@", iri)
	}
	authority, path := rest, ""
	if slash := strings.IndexByte(rest, '/'); slash >= 0 {
		authority, path = rest[:slash], rest[slash:]
	}
	return isAuthority(authority, iri) && uriCharacters(path, "/:@", iri)
}

func isScheme(s string) bool {
	if s == "" || !isLetter(s[0]) {
		return false
	}
	for i := range len(s) {
		if c := s[i]; !isLetter(c) && !isDigit(c) && c != '+' && c != '-' && c != '.' {
			return false
		}
	}
	return true
}

func isAuthority(s string, iri bool) bool {
	if user, host, ok := strings.Cut(s, "@"); ok {
		if !uriCharacters(user, ":", iri) {
			return false
		}
		s = host
	}
	host, port := s, ""
	if strings.HasPrefix(s, "[") {
		end := strings.IndexByte(s, ']')
		if end < 0 || !isIPLiteral(s[1:end]) {
			return false
		}
		host, port = "", s[end+1:]
	} else if colon := strings.LastIndexByte(s, ':'); colon >= 0 {
		host, port = s[:colon], s[colon:]
	}
	if port != "" && (port[0] != ':' || port != ":" && !digitsOnly(port[1:])) {
		return false
	}
	return uriCharacters(host, "", iri)
}

func isIPLiteral(s string) bool {
	if s != "" && (s[0] == 'v' || s[0] == 'V') {
		version, rest, ok := strings.Cut(s[1:], ".")
		for i := range len(version) {
			ok = ok && isHex(version[i])
		}
		return ok && version != "" && rest != "" && !strings.Contains(rest, "%") && uriCharacters(rest, ":", false)
	}
	addr, err := netip.ParseAddr(s)
	return err == nil && addr.Is6() && addr.Zone() == ""
}

// uriCharacters checks for characters that may stand anywhere in a URI, escapes,
// and others.
func uriCharacters(s, others string, iri bool) bool {
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case uriCharacter[c], strings.IndexByte(others, c) >= 0:
		case c == '%' && isEscape(s[i:]):
			i += 2
		case c >= utf8.RuneSelf && iri:
		default:
			return false
		}
	}
	return true
}

// uriCharacter are the unreserved characters and the sub-delimiters.
var uriCharacter = func() (table [256]bool) {
	for c := range table {
		table[c] = isLetter(byte(c)) || isDigit(byte(c)) || strings.IndexByte("-._~!$&'()*+,;=", byte(c)) >= 0
	}
	return table
}()

func isLetter(c byte) bool { return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' }

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// isHostname follows RFC 1123. It does not decode labels with "xn--".
func isHostname(v any) bool {
	return isText(v, func(s string) bool {
		if len(s) > 253 {
			return false
		}
		for label := range strings.SplitSeq(s, ".") {
			if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
				return false
			}
			for i := range len(label) {
				if c := label[i]; !isLetter(c) && !isDigit(c) && c != '-' {
					return false
				}
			}
		}
		return true
	})
}

func isIPv4(v any) bool {
	return isText(v, func(s string) bool {
		addr, err := netip.ParseAddr(s)
		return err == nil && addr.Is4()
	})
}
