package cli

import (
	"io"
	"regexp"
	"strings"
	"unicode/utf8"
)

// A table is rows in columns. The cells hold no escape sequences.
type table struct {
	head []string
	rows [][]string
	// gives are the columns that are cut, the first of them first, where a line is
	// longer than the terminal is wide.
	gives []int
}

const (
	tableGap = 2
	// narrowest is how far a column is cut.
	narrowest = 8
)

// write writes the table to w in the style of it. Width is that of a terminal; 0
// means that lines may be as long as they are.
func (t *table) write(w io.Writer, style Style, width int) error {
	widths := t.widths(width)
	var b strings.Builder
	line := func(cells []string, paint func(column int, cell string) string) {
		for i, cell := range cells {
			cell = cut(cell, widths[i])
			pad := ""
			if i < len(cells)-1 {
				pad = strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell)+tableGap)
			}
			b.WriteString(paint(i, cell) + pad)
		}
		b.WriteString("\n")
	}
	line(t.head, func(_ int, cell string) string { return style.Faint(cell) })
	for _, row := range t.rows {
		line(row, func(column int, cell string) string {
			if column == 0 {
				return style.Strong(cell)
			}
			return cell
		})
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (t *table) widths(width int) []int {
	widths := make([]int, len(t.head))
	for _, row := range append([][]string{t.head}, t.rows...) {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	if width == 0 {
		return widths
	}
	over := tableGap*(len(widths)-1) - width
	for _, w := range widths {
		over += w
	}
	for _, i := range t.gives {
		if over <= 0 {
			break
		}
		take := max(0, min(over, widths[i]-narrowest))
		widths[i] -= take
		over -= take
	}
	return widths
}

// cut shortens a text to so many characters.
func cut(text string, width int) string {
	if utf8.RuneCountInString(text) <= width {
		return text
	}
	return string([]rune(text)[:max(0, width-1)]) + "…"
}

// wrap breaks text into lines of at most width characters at spaces; the lines after
// the first begin with indent spaces. Width 0 leaves it as it is.
func wrap(text string, width, indent int) string {
	if width == 0 {
		return text
	}
	width = max(width-indent, 20)
	var lines []string
	line := ""
	for word := range strings.FieldsSeq(text) {
		switch {
		case line == "":
			line = word
		case utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > width:
			lines = append(lines, line)
			line = word
		default:
			line += " " + word
		}
	}
	return strings.Join(append(lines, line), "\n"+strings.Repeat(" ", indent))
}

// textPage writes a page for a terminal, or for grep, which is all in lines then.
func textPage(title string, list []section, style Style, width int) string {
	var b strings.Builder
	b.WriteString(style.Strong(title) + "\n")
	for _, s := range list {
		if s.title != "" {
			b.WriteString("\n" + style.Strong(s.title) + "\n")
		}
		for i, text := range s.text {
			warning, isWarning := strings.CutPrefix(text, "> ")
			text = wrap(unmarked(strings.ReplaceAll(warning, "\n> ", " ")), width, 0)
			if isWarning {
				text = style.Warn(text)
			}
			if i > 0 || s.title == "" {
				b.WriteString("\n")
			}
			b.WriteString(text + "\n")
		}
		if s.code != "" {
			b.WriteString("\n  " + strings.ReplaceAll(strings.TrimSuffix(s.code, "\n"), "\n", "\n  ") + "\n")
		}
		if s.after != "" {
			b.WriteString("\n" + wrap(unmarked(s.after), width, 0) + "\n")
		}
		if s.head[0] != "" && len(s.rows) > 0 {
			b.WriteString("\n")
		}
		most := 0
		for _, row := range s.rows {
			most = max(most, utf8.RuneCountInString(unmarked(row[0])))
		}
		for _, row := range s.rows {
			name := unmarked(row[0])
			pad := strings.Repeat(" ", most-utf8.RuneCountInString(name)+tableGap)
			b.WriteString("  " + style.Faint(name) + pad + wrap(unmarked(row[1]), width, 2+most+tableGap) + "\n")
		}
		for _, item := range s.items {
			b.WriteString("  - " + wrap(unmarked(item), width, 4) + "\n")
		}
	}
	return b.String()
}

// markup is what Markdown has for links and emphasis.
var markup = regexp.MustCompile("\\[([^\\]]*)\\]\\([^)]*\\)|\\*\\*|`|<(https?://[^>]*)>")

// unmarked is text without the marks of Markdown.
func unmarked(text string) string {
	return markup.ReplaceAllString(markup.ReplaceAllString(text, "$1$2"), "$1$2")
}
