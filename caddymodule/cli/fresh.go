package cli

import (
	"crypto/rand"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

var (
	uuidForm = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)
	hexForm  = regexp.MustCompile(`^[0-9a-f]+$`)
)

const (
	digits = "0123456789"
	lower  = "abcdefghijklmnopqrstuvwxyz"
)

// fresh returns a random id of the form of another: the same prefix up to the last
// separator, and behind it a UUID, a number, hexadecimal digits, or letters and
// digits. It is long enough not to come twice.
func fresh(like string) string {
	if uuidForm.MatchString(like) {
		return uuid()
	}
	const enough = 16
	cut := strings.LastIndexAny(like, "/_:|.-") + 1
	if at := strings.LastIndexByte(like, '/') + 1; uuidForm.MatchString(like[at:]) {
		cut = at
	}
	prefix, rest := like[:cut], like[cut:]
	switch {
	case uuidForm.MatchString(rest):
		return prefix + uuid()
	case rest != "" && strings.Trim(rest, digits) == "":
		return prefix + number(max(len(rest), 12))
	case strings.HasSuffix(rest, "@example.com"):
		return prefix + random(enough, lower+digits) + "@example.com"
	case hexForm.MatchString(rest):
		return prefix + random(max(len(rest), enough), "0123456789abcdef")
	case strings.ToUpper(rest) == rest:
		return prefix + random(max(len(rest), enough), strings.ToUpper(lower)+digits)
	}
	return prefix + random(max(len(rest), enough), lower+strings.ToUpper(lower)+digits)
}

// number returns a random number of n digits.
func number(n int) string { return random(1, digits[1:]) + random(n-1, digits) }

// random returns n random characters of an alphabet. Some are a little more likely
// than others, which does not matter for what only must not come twice.
func random(n int, alphabet string) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // it never fails
	for i := range b {
		b[i] = alphabet[int(b[i])%len(alphabet)]
	}
	return string(b)
}

// uuid returns a random UUID.
func uuid() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // it never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// timeLayouts are forms of times in text.
var timeLayouts = []string{
	"2006-01-02T15:04:05Z07:00", "2006-01-02T15:04:05-07:00", "2006-01-02T15:04:05-0700", "2006-01-02T15:04:05",
	"2006-01-02 15:04:05Z07:00", "2006-01-02 15:04:05 -0700", "2006-01-02 15:04:05 MST", "2006-01-02 15:04:05",
	time.RFC1123, time.RFC1123Z, time.ANSIC, time.UnixDate, "20060102150405", "01/02/2006 15:04:05", "2006/01/02 15:04:05 MST",
}

// timeForm returns what writes times as the text is written, or nil if it is no
// time: a number of seconds, milliseconds, microseconds or nanoseconds of this
// century, or a date. Numbers keep their decimals.
func timeForm(text string) func(time.Time) string {
	whole, decimals, _ := strings.Cut(text, ".")
	if n, err := strconv.ParseInt(whole, 10, 64); err == nil && strings.Trim(text, digits+".") == "" {
		const from, to = 1e9, 4e9
		for _, unit := range []int64{1, 1e3, 1e6, 1e9} {
			if n/unit < from || n/unit > to {
				continue
			}
			return func(t time.Time) string {
				out := strconv.FormatInt(t.UnixNano()/(1e9/unit), 10)
				if decimals != "" && unit == 1 {
					out += "." + fmt.Sprintf("%09d", t.Nanosecond())[:min(len(decimals), 9)]
				}
				return out
			}
		}
	}
	for _, layout := range timeLayouts {
		if _, err := time.Parse(layout, text); err != nil {
			continue
		}
		if at := strings.Index(text, "."); at > 0 && strings.Contains(layout, ":05") {
			n := len(text[at+1:]) - len(strings.TrimLeft(text[at+1:], digits))
			layout = strings.Replace(layout, ":05", ":05."+strings.Repeat("0", n), 1)
		}
		return func(t time.Time) string { return t.UTC().Format(layout) }
	}
	return nil
}
