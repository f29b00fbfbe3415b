package schemas

import (
	"regexp/syntax"
	"strings"
	"unicode/utf8"
)

// isURITemplate reports whether v is a URI Template of RFC 6570, level 4. The
// library's own check splits at "/" and so refuses "{/sha}".
func isURITemplate(v any) bool {
	s, ok := v.(string)
	if !ok {
		return true // formats are about strings
	}
	for s != "" {
		i := strings.IndexAny(s, "{}")
		if i < 0 {
			return isLiteral(s)
		}
		if s[i] == '}' || !isLiteral(s[:i]) {
			return false
		}
		end := strings.IndexByte(s, '}')
		if end < 0 || !isExpression(s[i+1:end]) {
			return false
		}
		s = s[end+1:]
	}
	return true
}

// isLiteral checks the text outside expressions.
func isLiteral(s string) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case c <= ' ' || c == 0x7f || c < utf8.RuneSelf && !uriCharacter[c] && strings.IndexByte(":/?#[]@%", c) < 0:
			return false
		case c == '%' && !isEscape(s[i:]):
			return false
		}
	}
	return true
}

func isEscape(s string) bool {
	return len(s) >= 3 && s[0] == '%' && isHex(s[1]) && isHex(s[2])
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

// isExpression checks what stands between braces.
func isExpression(s string) bool {
	if s != "" && strings.IndexByte("+#./;?&=,!@|", s[0]) >= 0 {
		s = s[1:]
	}
	for spec := range strings.SplitSeq(s, ",") {
		name, star := strings.CutSuffix(spec, "*")
		if !star {
			var prefix string
			var hasPrefix bool
			name, prefix, hasPrefix = strings.Cut(spec, ":")
			if hasPrefix && !isPrefix(prefix) {
				return false
			}
		}
		if !isVarname(name) {
			return false
		}
	}
	return true
}

// isPrefix checks a length from 1 to 9999.
func isPrefix(s string) bool {
	if s == "" || len(s) > 4 || s[0] == '0' {
		return false
	}
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

func isVarname(s string) bool {
	if s == "" || s[0] == '.' || s[len(s)-1] == '.' || strings.Contains(s, "..") {
		return false
	}
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '_', c == '.':
		case isEscape(s[i:]):
			i += 2
		default:
			return false
		}
	}
	return true
}

// isRegex reports whether v is a regular expression. The library's own check
// compiles it, which for a few bytes of a payload may take much memory.
func isRegex(v any) bool {
	s, ok := v.(string)
	if !ok {
		return true
	}
	_, err := syntax.Parse(s, syntax.Perl)
	return err == nil
}
