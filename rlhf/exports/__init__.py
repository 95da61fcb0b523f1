"""What the workspace made, as files that are of use elsewhere: data sets, rankings, models, and the cards of both."""
