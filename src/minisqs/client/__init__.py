"""What code that uses a world holds: queues and messages, producers and consumers, a client of boto3's shape.

Names and units are AWS's, in snake case; in the client of boto3's shape they are boto3's.
"""
