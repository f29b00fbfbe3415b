package canon

import "strings"

// NodeEscape returns text as Node's querystring.escape writes it, which is what
// JavaScript's encodeURIComponent writes.
func NodeEscape(text string) string { return escape(text, nodeSafe) }

// EncodeURI returns text as JavaScript's encodeURI writes it. A percent sign is
// escaped whatever follows it.
func EncodeURI(text string) string {
	return escape(text, func(c byte) bool { return nodeSafe(c) || strings.IndexByte(";,/?:@&=+$#", c) >= 0 })
}
