// Package shape tells what a program chose from what a person, a machine or a
// day put there, by looks: names of members that are data, so that an object is a
// map and not a record; strings that are words of a fixed vocabulary; members that
// name somebody or something. Each is a guess, on the side that does least harm.
package shape

import (
	"strings"
	"unicode/utf8"
)

// longestName is the length in bytes from which on a name is data.
const longestName = 64

// Data reports whether the name of a member looks like data and not like a name
// that somebody wrote into a program: an identifier, a number, a date, an address,
// a path, a text.
func Data(name string) bool {
	if name == "" || len(name) > longestName || !isASCII(name) {
		return true
	}
	digits, letters, upper, hexes, parts := 0, 0, 0, 0, 1
	for i := range len(name) {
		switch c := name[i]; {
		case '0' <= c && c <= '9':
			digits++
			hexes++
		case 'a' <= c && c <= 'z':
			letters++
			if c <= 'f' {
				hexes++
			}
		case 'A' <= c && c <= 'Z':
			letters++
			upper++
			if c <= 'F' {
				hexes++
			}
		case c == '-' || c == '_':
			parts++
		case c == '.' || c == '$':
		default:
			return true // "@", "/", ":", a space: an address, a path, a text
		}
	}
	switch {
	case letters == 0:
		return digits > 0 // 17, 2026-01-02, 10.0.0.1
	case digits == 0:
		return false
	case digits+letters == hexes && hexes >= 16:
		return true // a hash, a UUID
	}
	return isToken(name) || isNumbered(name)
}

// isToken reports whether a part of the name looks random, as in cus_9s6XKzkNRiz8.
func isToken(name string) bool {
	for part := range strings.FieldsFuncSeq(name, func(r rune) bool { return r == '-' || r == '_' || r == '.' }) {
		changes, digits := 0, 0
		for i := range len(part) {
			digit := isDigit(part[i])
			if digit {
				digits++
			}
			if i > 0 && digit != isDigit(part[i-1]) {
				changes++
			}
		}
		if len(part) >= 8 && changes >= 2 && digits >= 3 {
			return true
		}
	}
	return false
}

// isNumbered reports whether the name ends in a long number, as in user_100241 or
// in a date.
func isNumbered(name string) bool {
	n := 0
	for i := len(name); i > 0 && isDigit(name[i-1]); i-- {
		n++
	}
	return n >= 4
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf || s[i] < ' ' {
			return false
		}
	}
	return true
}

// Seen is what is known of the objects at one place.
type Seen struct {
	// Objects is how many objects there were, and Members how many members they
	// had in all.
	Objects, Members int
	// Names is how many different names those had, and Data how many of the names
	// are [Data].
	Names, Data int
	// Usual is how many of the names most objects have.
	Usual int
	// Alike is whether all values are of one kind, null apart.
	Alike bool
}

// enough names to judge by how seldom they come again.
const manyNames = 40

// Map reports whether the objects are maps: their names are data, and which of
// them an object has says nothing about another.
func (s Seen) Map() bool {
	switch {
	case s.Names == 0:
		return false
	case s.Data == s.Names:
		// One object with one identifier is not much to go by, but no program
		// would look for that name.
		return s.Alike || s.Names >= 3
	case 10*s.Data >= 9*s.Names && s.Names >= 10:
		return s.Alike
	case s.Usual > 0 || !s.Alike || s.Names < manyNames || s.Objects < 5:
		return false
	}
	// Words, such as labels: many of them, of which an object has few.
	return s.Names*s.Objects >= 10*s.Members
}

// Word reports whether a string looks like one of a fixed vocabulary: "opened",
// "customer.created", "USD", "two_factor".
func Word(s string) bool {
	if len(s) < 2 || len(s) > 40 || Data(s) {
		return false
	}
	lower, upper := 0, 0
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z':
			lower++
		case 'A' <= c && c <= 'Z':
			upper++
		case c == '_' || c == '-' || c == '.':
			if i == 0 || i == len(s)-1 {
				return false
			}
		case isDigit(c):
			if i == 0 {
				return false
			}
		default:
			return false
		}
	}
	if lower > 0 && upper > 0 {
		// Words of their own, as in PullRequest; not names of people.
		return upper > 1 || 'a' <= s[0] && s[0] <= 'z'
	}
	return lower+upper >= 2
}

// naming are ends of names of members whose values name one of many: a person, a
// thing, a place in a repository. Few of them may be seen for long.
var naming = map[string]bool{
	"id": true, "ids": true, "uid": true, "guid": true, "sid": true, "key": true, "token": true, "secret": true,
	"name": true, "names": true, "title": true, "label": true, "description": true, "text": true, "message": true,
	"body": true, "note": true, "comment": true, "subject": true, "summary": true,
	"user": true, "username": true, "login": true, "author": true, "owner": true, "actor": true, "assignee": true,
	"customer": true, "account": true, "email": true, "phone": true, "from": true, "to": true, "sender": true,
	"recipient": true, "address": true, "city": true, "street": true, "line1": true, "line2": true, "zip": true,
	"postcode": true, "country": true, "region": true, "company": true, "organization": true, "org": true, "team": true,
	"repo": true, "repository": true, "project": true, "branch": true, "ref": true, "sha": true, "tag": true,
	"path": true, "file": true, "filename": true, "folder": true, "url": true, "uri": true, "link": true, "href": true,
	"host": true, "hostname": true, "domain": true, "ip": true, "slug": true, "handle": true, "sku": true,
	"vendor": true, "hash": true, "digest": true, "fingerprint": true, "version": true, "channel": true, "number": true,
	"tags": true, "labels": true, "topics": true, "code": true, "gateway": true,
}

// Naming reports whether a member of this name probably names one of many, so that
// what was seen of its values is no vocabulary, and may be personal.
func Naming(member string) bool {
	words := strings.FieldsFunc(split(member), func(r rune) bool { return r == '_' || r == '-' || r == '.' || r == ' ' })
	return len(words) > 0 && naming[words[len(words)-1]]
}

// split writes fooBar as foo_bar.
func split(name string) string {
	var b strings.Builder
	for i := range len(name) {
		c := name[i]
		if 'A' <= c && c <= 'Z' {
			if i > 0 && 'a' <= name[i-1] && name[i-1] <= 'z' {
				b.WriteByte('_')
			}
			c += 'a' - 'A'
		}
		b.WriteByte(c)
	}
	return b.String()
}
