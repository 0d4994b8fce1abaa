/*
 * text.h - text that a model or a person will read: nothing hidden in it.
 */
#ifndef WRIT_POLICY_TEXT_H
#define WRIT_POLICY_TEXT_H

#include "base/limits.h"
#include "base/str.h"

#define WRIT_TEXT_WHY_MAX 96

/**
 * What is hidden in `s`, in `why`; false when nothing is.  Refused: what is not UTF-8,
 * control characters (ESC, DEL, C1; line feed and tab are text), characters that
 * reorder (bidi) or show nothing (zero-width, soft hyphen, fillers, tag characters),
 * line separators, variation selectors other than one for an emoji, noncharacters,
 * more than 8 combining marks or 128 blanks in a row.
 */
bool writ_text_wrong(struct writ_str s, char why[WRIT_TEXT_WHY_MAX]);

/** The same for a title: one line of at most WRIT_TITLE_MAX bytes. */
bool writ_text_line_wrong(struct writ_str s, char why[WRIT_TEXT_WHY_MAX]);

/**
 * Refuse hidden text; `what` names the text in the message.
 * Fails: WRIT_INVALID as writ_text_wrong; WRIT_LIMIT more than WRIT_TEXT_MAX bytes.
 */
WRIT_MUST_CHECK enum writ_status
writ_text_check(struct writ_str s, const char *what, struct writ_err *err);

#endif
