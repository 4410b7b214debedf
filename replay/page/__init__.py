"""What a person looks at: a report in one file, and a page in the browser.

Drawings are pure functions of data, and know no file and no server; README.md says what is where.
"""
