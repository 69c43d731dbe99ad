"""Commands of tests, written as one line with signs where paths go."""


def filled(command: str, **places: object) -> list[str]:
    """The words of a command, with places for their signs (``at`` for @, ``dollar`` for $); they may have blanks."""
    words = command.split()
    for name, sign in (("dollar", "$"), ("at", "@")):
        if name in places:
            words = [word.replace(sign, str(places[name])) for word in words]
    return words
