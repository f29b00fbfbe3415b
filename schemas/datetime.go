package schemas

import "strings"

// The formats of RFC 3339, read without allocating, since payloads have many, and in
// linear time.

func isDateTime(v any) bool {
	return isText(v, func(s string) bool {
		return len(s) >= len("2006-01-02T15:04:05Z") && validDate(s[:10]) && (s[10] == 'T' || s[10] == 't') && validTime(s[11:])
	})
}

func isDate(v any) bool { return isText(v, validDate) }

func isTime(v any) bool { return isText(v, validTime) }

func validDate(s string) bool {
	if len(s) != len("2006-01-02") || s[4] != '-' || s[7] != '-' {
		return false
	}
	year, month, day := number2(s)*100+number2(s[2:]), number2(s[5:]), number2(s[8:])
	if number2(s) < 0 || number2(s[2:]) < 0 || month < 1 || month > 12 || day < 1 {
		return false
	}
	return day <= daysIn(year, month)
}

func daysIn(year, month int) int {
	switch month {
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	case 4, 6, 9, 11:
		return 30
	}
	return 31
}

// number2 reads two digits; it is negative if there are others.
func number2(s string) int {
	if len(s) < 2 || !isDigit(s[0]) || !isDigit(s[1]) {
		return -10_000
	}
	return 10*int(s[0]-'0') + int(s[1]-'0')
}

func validTime(s string) bool {
	if len(s) < len("15:04:05Z") || s[2] != ':' || s[5] != ':' {
		return false
	}
	hour, minute, second := number2(s), number2(s[3:]), number2(s[6:])
	if hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 60 {
		return false
	}
	if s = s[8:]; s[0] == '.' {
		i := 1
		for i < len(s) && isDigit(s[i]) {
			i++
		}
		if i == 1 {
			return false
		}
		s = s[i:]
	}
	minutes, ok := zone(s)
	if !ok {
		return false
	}
	// Leap seconds are at the end of a day of UTC.
	const day = 24 * 60
	return second < 60 || (60*hour+minute-minutes+day)%day == day-1
}

// zone reads an offset in minutes.
func zone(s string) (minutes int, ok bool) {
	if s == "Z" || s == "z" {
		return 0, true
	}
	if len(s) != len("+01:00") || s[0] != '+' && s[0] != '-' || s[3] != ':' {
		return 0, false
	}
	hour, minute := number2(s[1:]), number2(s[4:])
	if hour < 0 || hour > 23 || minute < 0 || minute > 59 {
		return 0, false
	}
	if minutes = 60*hour + minute; s[0] == '-' {
		minutes = -minutes
	}
	return minutes, true
}

func isDuration(v any) bool { return isText(v, validDuration) }

func validDuration(s string) bool {
	s, ok := strings.CutPrefix(s, "P")
	if !ok {
		return false
	}
	date, time, hasTime := strings.Cut(s, "T")
	switch {
	case hasTime:
		return (date == "" || areUnits(date, "YMD")) && areUnits(time, "HMS")
	case areUnits(date, "W"):
		return true
	}
	return areUnits(date, "YMD")
}

// areUnits checks for numbers with units, of which each is the next.
func areUnits(s, units string) bool {
	last := -1
	for s != "" {
		digits := 0
		for digits < len(s) && isDigit(s[digits]) {
			digits++
		}
		if digits == 0 || digits == len(s) {
			return false
		}
		i := strings.IndexByte(units, s[digits])
		if i < 0 || last >= 0 && i != last+1 {
			return false
		}
		last, s = i, s[digits+1:]
	}
	return last >= 0
}

// isPeriod checks for two times, or a time and a duration.
func isPeriod(v any) bool {
	return isText(v, func(s string) bool {
		start, end, ok := strings.Cut(s, "/")
		if !ok {
			return false
		}
		if isDateTime(start) {
			return isDateTime(end) || validDuration(end)
		}
		return validDuration(start) && isDateTime(end)
	})
}
